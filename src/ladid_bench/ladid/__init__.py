"""The proposed model: encoder, temporal attention, representation psi, dynamics F(psi, t), decoder, objective."""
