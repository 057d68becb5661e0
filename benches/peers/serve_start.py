"""Measure the time from starting a service to its first answer: finsent, its image, and common ways to serve FinBERT."""

import argparse
import statistics
import sys
from pathlib import Path

from serve_compare import HERE, Service, running


def finsent(title, command, model, precision):
    serve = ["serve", "--listen", "127.0.0.1:{port}", "--model", model, "--precision", precision]
    return Service(title, [*command, *serve], engine=True)


def services_of(args):
    """Yield the services in the order of their turns."""

    def rival(title, script):
        return Service(title, [sys.executable, HERE / script, args.dir, "--port", "{port}", "--threads", args.threads])

    yield rival("FastAPI, PyTorch f32", "serve_torch.py")
    yield rival("FastAPI, ONNX Runtime int8", "serve_ort.py")
    yield finsent("finsent, f32", [args.finsent.absolute()], args.dir, "f32")
    yield finsent("finsent, int8", [args.finsent.absolute()], args.int8, "int8")
    if args.image:
        for title, model, precision in (("f32", args.dir, "f32"), ("int8", args.int8, "int8")):
            volume = f"{model.absolute()}:/models/mounted:ro"
            command = [*args.engine.split(), "run", "--rm", "--network=host", f"--volume={volume}", args.image]
            yield finsent(f"finsent's image, {title}", command, "/models/mounted", precision)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("--int8", type=Path, required=True, help="the checkpoint, converted to int8 with `finsent convert`")
    parser.add_argument("--finsent", type=Path, required=True, help="path of the finsent binary")
    parser.add_argument("--image", help="an image of finsent, to be measured too")
    parser.add_argument("--engine", default="docker", help="command that runs the image, such as `podman --runtime runc`")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    services = list(services_of(args))
    times = {service.title: [] for service in services}
    # The first round does not count: it brings the files into memory.
    for number in range(args.rounds + 1):
        for service in services:
            with running(service) as (_, _, seconds):
                print(f"round {number}: {service.title}, {seconds:.2f} s", file=sys.stderr, flush=True)
                if number > 0:
                    times[service.title].append(seconds)
    print("| | start to first answer, s | lowest | highest |\n|---|---:|---:|---:|")
    for title, seconds in times.items():
        print(f"| {title} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
