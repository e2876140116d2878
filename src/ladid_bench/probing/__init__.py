"""What the latents of trained models contain."""
