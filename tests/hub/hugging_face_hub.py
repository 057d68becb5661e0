"""Python's huggingface_hub at the stand-in hub and at a cache: what to do, and then its argument."""

import sys

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

what, *arguments = sys.argv[1:]
if what == "snapshot":
    print(snapshot_download("acme/small", revision=arguments[0]))
elif what == "files":
    for name in arguments:
        print(hf_hub_download("acme/small", name))
elif what == "local":
    revision, *names = arguments
    print(snapshot_download("acme/small", revision=revision, local_files_only=True))
    for name in names:
        hf_hub_download("acme/small", name, revision=revision, local_files_only=True)
elif what == "scan":
    found = scan_cache_dir()
    assert not found.warnings, found.warnings
    for repository in found.repos:
        for revision in repository.revisions:
            print(repository.repo_id, revision.commit_hash, *sorted(file.file_name for file in revision.files))
else:
    raise SystemExit(f"what is `{what}`?")
