"""The few shapes that every view is made of."""
