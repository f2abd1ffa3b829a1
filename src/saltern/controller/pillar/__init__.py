"""Pillar: rendered here for each agent, in processes of its own, and told to that agent alone."""
