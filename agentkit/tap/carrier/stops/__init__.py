"""Where requests and answers stop on their way, in the process that carries them."""
