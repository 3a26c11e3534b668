"""What a stranger's Cypher may do: read what the policy shows, within limits, and nothing else."""
