"""What the user does, one readable coroutine per action; each says at its end what changed."""
