"""How fast a campaign leaves, compared with the C program smtp-source on the same machine in the same run."""
