"""Joins the rooms: builds a running system from settings, supervises it, and keeps its conversations."""
