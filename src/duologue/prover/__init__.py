"""The prover: plays a delivered stream as a viewer would, and says what is wrong with it."""
