-- Steered weights for nginx. Each request of an upstream `<pool>.rl` goes to the backend with the fewest requests in
-- flight, one added and divided by its weight, and what becomes of it is counted, in memory that all workers share. The agent that steers reads `/backends` and sets
-- `/weights`; nginx.conf calls what is here.

local balancer = require "ngx.balancer"

local steered = {}
local shared = ngx.shared.steered
local COUNTERS = { "in_flight", "requests", "replies", "errors", "cancelled", "latency_ms" }
local CLIENT_CLOSED = 499

local pools, by_name, known = {}, {}, {}

-- Weights of a pool are kept as one text, `b1=1 b2=0.25`, so that all of them change at once.
local function weights_of(pool)
    local weights = {}
    for id, weight in (shared:get(pool.key) or ""):gmatch("(%S+)=(%S+)") do
        weights[id] = tonumber(weight)
    end
    return weights
end

-- Once, in the master. A reload finds the memory as it was.
function steered.init(told)
    shared:add("generation", string.format("%.3f", ngx.now()))
    for _, pool in ipairs(told) do
        pool.key = "weights " .. pool.name
        for _, backend in ipairs(pool.backends) do
            known[backend.id] = true
            backend.keys = {}
            for _, counter in ipairs(COUNTERS) do
                backend.keys[counter] = counter .. " " .. pool.name .. " " .. backend.id
                shared:add(backend.keys[counter], 0)
            end
        end
        pools[#pools + 1], by_name[pool.name] = pool, pool
    end
end

-- In each worker: they would all draw the same numbers otherwise.
function steered.start()
    math.randomseed(ngx.now() * 1000 + ngx.worker.pid())
end

-- Reading weights anew for each request would cost what hardly ever changes. The search begins at a random backend,
-- so that none is preferred among equals.
local function least(pool)
    local told = shared:get(pool.key) or ""
    if told ~= pool.told then pool.told, pool.weights = told, weights_of(pool) end
    local count, best, least_load = #pool.backends, nil, math.huge
    local first = math.random(count)
    for step = 0, count - 1 do
        local backend = pool.backends[(first + step - 1) % count + 1]
        local load = ((shared:get(backend.keys.in_flight) or 0) + 1) / (pool.weights[backend.id] or 1)
        if load < least_load then best, least_load = backend, load end
    end
    return best
end

-- In balancer_by_lua. Called once for each request, since nothing is sent twice (proxy_next_upstream off).
function steered.pick(name)
    local backend = least(by_name[name])
    ngx.ctx.steered = backend
    shared:incr(backend.keys.requests, 1)
    shared:incr(backend.keys.in_flight, 1)
    assert(balancer.set_current_peer(backend.host, backend.port))
end

-- In log_by_lua, when the request is over.
function steered.done()
    local backend = ngx.ctx.steered
    if not backend then return end
    local keys = backend.keys
    shared:incr(keys.in_flight, -1)
    if ngx.status == CLIENT_CLOSED then
        shared:incr(keys.cancelled, 1)
        return
    end
    local seconds = tonumber(ngx.var.upstream_response_time) or tonumber(ngx.var.request_time) or 0
    shared:incr(keys.replies, 1)
    shared:incr(keys.latency_ms, math.floor(seconds * 1000 + 0.5))
    if ngx.status >= 500 then shared:incr(keys.errors, 1) end
end

-- GET /backends: all of them, with their counts and weights.
function steered.backends()
    local rows = {}
    for _, pool in ipairs(pools) do
        local weights = weights_of(pool)
        for _, backend in ipairs(pool.backends) do
            local fields = { string.format('"pool":"%s","id":"%s"', pool.name, backend.id) }
            fields[2] = string.format('"weight":%.9g', weights[backend.id] or 1)
            for _, counter in ipairs(COUNTERS) do
                fields[#fields + 1] = string.format('"%s":%.0f', counter, shared:get(backend.keys[counter]) or 0)
            end
            rows[#rows + 1] = "{" .. table.concat(fields, ",") .. "}"
        end
    end
    ngx.header.content_type = "application/json"
    ngx.say('{"generation":"', shared:get("generation"), '","backends":[', table.concat(rows, ","), "]}")
end

-- POST /weights?b1=1&b2=0.25: who is not named keeps its weight, and one wrong value changes nothing.
function steered.weigh()
    local told = ngx.req.get_uri_args(0)
    for id, value in pairs(told) do
        local weight = tonumber(value)
        local fault = not known[id] and "there is no such backend"
            or not (weight and weight > 0 and weight < math.huge) and "its weight must be a number above 0"
        if fault then
            ngx.status = ngx.HTTP_BAD_REQUEST
            ngx.say(id, "=", tostring(value), ": ", fault)
            return
        end
    end
    for _, pool in ipairs(pools) do
        local weights, all = weights_of(pool), {}
        for _, backend in ipairs(pool.backends) do
            local weight = tonumber(told[backend.id]) or weights[backend.id] or 1
            all[#all + 1] = string.format("%s=%.9g", backend.id, weight)
        end
        shared:set(pool.key, table.concat(all, " "))
    end
    steered.backends()
end

return steered
