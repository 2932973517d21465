"""The letters: what each says stands in Python, so that a translator finds it like any other text;
how an e-mail looks stands once in `layouts/`."""
