"""Run Python's huggingface_hub against the stand-in hub or a cache: hugging_face_hub.py COMMAND ARGUMENT..."""

import sys

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

command, *arguments = sys.argv[1:]
if command == "snapshot":
    print(snapshot_download("acme/small", revision=arguments[0]))
elif command == "files":
    for name in arguments:
        print(hf_hub_download("acme/small", name))
elif command == "local":
    revision, *names = arguments
    print(snapshot_download("acme/small", revision=revision, local_files_only=True))
    for name in names:
        hf_hub_download("acme/small", name, revision=revision, local_files_only=True)
elif command == "scan":
    cache = scan_cache_dir()
    assert not cache.warnings, cache.warnings
    for repository in cache.repos:
        for revision in repository.revisions:
            print(repository.repo_id, revision.commit_hash, *sorted(file.file_name for file in revision.files))
else:
    raise SystemExit(f"unknown command `{command}`: use snapshot, files, local or scan")
