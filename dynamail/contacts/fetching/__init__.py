"""Files elsewhere that are fetched on a schedule and imported.

1. sources.py    a member names an address (web or SFTP) with its secret; secrets are sealed and never shown again
2. rounds.py     each minute the due sources are claimed, one task each; a failure pauses longer and longer, the third one is told
3. web_files.py, sftp_files.py   what is new there comes to a file of ours, by the guarded way out (lib/egress.py)
   places.py     where that is and how to get in; problems.py what went wrong, in words
4. taking.py     the first file walks through the wizard and leaves its mapping and options; each later one must have the same
   columns by name, or nothing is imported
   refusing.py   a file of a folder that cannot be taken is refused with its reason, and the others go on
"""
