"""From a model's tokens to sentences that a voice can speak, as soon as each is complete."""
