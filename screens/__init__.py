"""What people see: one `ConsoleApp` a terminal, one file a screen, building blocks in `widgets`."""
