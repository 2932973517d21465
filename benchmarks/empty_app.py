"""The emptiest Textual application: what every console built on Textual is measured against.

It draws one blank screen and waits. Nothing here may be tuned, or the ratio to it would lie.
"""

from textual.app import App


class EmptyApp(App[None]):
    """An application as Textual makes it, with nothing on its screen."""


if __name__ == "__main__":
    EmptyApp().run()
