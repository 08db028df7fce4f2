"""What foreign rollouts come in: files, archives, folders and values, decoded."""
