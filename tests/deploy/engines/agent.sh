#!/bin/sh
# Run the metrics agent beside a service on this engine, as lesson 04b does; print what it serves, or why it ended.
set -u
image_id() { docker images --quiet "localhost/container-workshop/$1" | head -n 1; }
read_metrics="import urllib.request as http; print(http.urlopen('http://127.0.0.1:9101/metrics').read().decode())"

docker run --detach --name agent-service --memory 64m --user 10001:10001 "$(image_id base)" sleep 600 > /dev/null
docker run --detach --name agent --pid container:agent-service --user 10001:10001 --read-only \
    --cap-drop ALL --security-opt no-new-privileges "$(image_id agent)" > /dev/null
tries=0
until docker exec agent python3 -c "$read_metrics" 2> /dev/null; do
    tries=$((tries + 1))
    [ "$(docker inspect --format '{{.State.Running}}' agent)" = true ] && [ "$tries" -lt 60 ] || break
    sleep 1
done
docker logs agent 2>&1
docker rm --force --volumes agent agent-service > /dev/null
