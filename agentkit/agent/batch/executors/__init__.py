"""Where the rollouts of a batch run: processes of this machine, Ray, or what a caller brings."""
