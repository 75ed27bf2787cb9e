-- For wrk: the requests of one_event.lua, with pauses between them on each connection, PAUSE_MS on
-- average. Many connections together then offer about connections / (PAUSE_MS + latency) requests/s.
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "./") .. "one_event.lua")

local most = 2 * tonumber(os.getenv("PAUSE_MS"))

function delay()
  return math.random(0, most)
end
