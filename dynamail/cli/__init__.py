"""The `dynamail` command, one file per subcommand."""
