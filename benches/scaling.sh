#!/bin/sh
# Measures how finsent scales on this machine, and how well the cost model of docs/benchmarks.md predicts it:
# for 1, 2, 4, ... threads up to all CPUs, one batch at a time on all threads against several on a share of them.
# Then 20,000 copies of texts, or the texts of FILE, are scored with one worker and with the default, in turn.
#
#     benches/scaling.sh [FINSENT [MODEL [PRECISION [FILE]]]]
set -eu
finsent=${1:-target/release/finsent} model=${2:-mini} precision=${3:-int8} file=${4:-}
cpus=$(nproc)

grep -m 1 'model name' /proc/cpuinfo || true
"$finsent" -v bench --scaling --model "$model" --precision "$precision" --threads 1 2>&1 | grep -e 'a machine of' || true

threads=1
while [ "$threads" -le "$cpus" ]; do
    "$finsent" bench --scaling --quiet --model "$model" --precision "$precision" --threads "$threads"
    [ "$threads" -eq "$cpus" ] && break
    threads=$((threads * 2 < cpus ? threads * 2 : cpus))
done

if [ -z "$file" ]; then
    folder=$(mktemp -d) && trap 'rm -r "$folder"' EXIT
    file=$folder/headlines.txt
    # All different, so that each is computed.
    seq 20000 | sed 's/.*/Shares of company & rose after profit of EUR & mn beat the forecast for the quarter/' >"$file"
fi
for round in 1 2 3; do
    for workers in 1 auto; do
        start=$(date +%s%N)
        "$finsent" classify --quiet --model "$model" --precision "$precision" --workers "$workers" --input "$file" \
            --format csv >/dev/null
        echo "round $round, --workers $workers: $((($(date +%s%N) - start) / 1000000)) ms"
    done
done
