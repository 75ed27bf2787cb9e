-- For wrk: a hundred events of 300 bytes a request.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-ndjson"
wrk.body = string.rep('{"type":"WEB","subtype":"view","page":"/some/page/of/a/shop","user":"u-1234567890","session":"s-abcdef0123456789","referrer":"https://www.example.com/search?q=carillon","tuning":{"a":1,"b":2.5,"c":"three"},"action":{"name":"click","target":"#buy","x":101,"y":202},"pad":"0123456789012345678901234567"}\n', 100)
