"""Where foreign rollouts come from: files, archives, folders, values; each as decoded values."""
