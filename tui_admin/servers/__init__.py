"""The console served over SSH: many terminals in one process, one `ConsoleApp` each."""
