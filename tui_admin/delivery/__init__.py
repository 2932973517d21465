"""Letters on their way out: made from templates, and sent by e-mail and SMS."""
