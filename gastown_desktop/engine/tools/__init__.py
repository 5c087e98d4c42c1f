"""The nine tools a polecat may call, one file each."""
