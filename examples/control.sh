#!/bin/sh
# Who am I, how is the agent, off and on again, the market ranked, one score explained.
# Usage: AGENT_URL=… AGENT_TOKEN=… sh control.sh
set -eu
url=${AGENT_URL:-http://127.0.0.1:8000}

ask() { # method path [body]
    set -- "$1" "$2" "${3:-}"
    curl --silent --show-error --fail-with-body --request "$1" "$url$2" \
        ${AGENT_TOKEN:+--header "Authorization: Token $AGENT_TOKEN"} \
        ${3:+--header 'Content-Type: application/json' --data "$3"}
    echo
}

ask GET /api/auth/me
ask GET /api/agent/status
ask PUT '/api/agent/toggle?enabled=false'
ask PUT /api/agent/toggle '{"enabled": true}'
symbol=$(ask GET /api/market/symbols | sed 's/.*"symbols":\[{"symbol":"\([A-Z0-9]*\)".*/\1/')
ask POST /api/scanner/run "{\"symbols\": [\"$symbol\"], \"timeframes\": [\"5m\", \"15m\"]}"
ask POST /api/signals/score "{\"symbol\": \"$symbol\", \"timeframe\": \"15m\"}"
ask POST /api/auth/ws-ticket
