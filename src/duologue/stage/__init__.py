"""The stage: packs, rig, lip sync, expression, compositor, TV, captions, and the process that runs them."""
