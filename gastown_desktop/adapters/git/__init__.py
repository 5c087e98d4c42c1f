"""Git: the hardened command, objects and refs, the rig's own repository, slots, the user's repository."""
