"""The web page: built assets that ship in the package."""
