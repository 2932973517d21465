"""`python -m tui_admin` is the command `tui-admin`."""

from tui_admin.cli import main

main()
