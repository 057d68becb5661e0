-- A script for wrk with one thread. It posts the request bodies in the file $BODIES, one per line, in turn. The last line of
-- its output is JSON for serve_compare.py, with what wrk's summary leaves out.
local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds, microseconds; } clock_time;
  int gettimeofday(clock_time *now, void *zone);
]])

local time = ffi.new("clock_time")

local function now()
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.seconds) + tonumber(time.microseconds) / 1e6
end

-- `setup` and `done` share one Lua state. The thread, with the functions in between, has another.
function setup(thread)
  worker = thread
end

function init()
  wrk.headers["Content-Type"] = "application/json"
  requests = {}
  for body in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format("POST", "/", nil, body)
  end
  turn, answered, took = 0, {}, {}
  start = now()
end

function request()
  turn = turn % #requests + 1
  sent_at = now()
  return requests[turn]
end

-- Only with one connection is it known which request an answer belongs to. With more, `took` means nothing.
function response(status)
  if status >= 200 and status < 300 then
    answered[#answered + 1] = now() - start
    took[#took + 1] = now() - sent_at
  end
end

function done(summary, latency)
  local histogram = {}
  for index = 1, #latency do
    histogram[index] = string.format("[%d,%d]", latency(index))
  end
  local errors = {}
  for kind, count in pairs(summary.errors) do
    errors[#errors + 1] = string.format('"%s":%d', kind, count)
  end
  local function list(name)
    local times = worker:get(name)
    for index, seconds in ipairs(times) do
      times[index] = string.format("%.6f", seconds)
    end
    return table.concat(times, ",")
  end
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"errors":{%s},"answered":[%s],"took":[%s],"histogram":[%s]}\n',
    summary.requests, summary.duration, table.concat(errors, ","),
    list("answered"), list("took"), table.concat(histogram, ",")
  ))
end
