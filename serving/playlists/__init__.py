"""Playlists, radio and a weekly discovery list: lists that are made to be heard or seen one after the other."""
