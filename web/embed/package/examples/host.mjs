// The part of an application that resumes a world for a logged-in visitor: its own session decides who asks, a service
// token that never leaves this process asks Sereno for that user.
//   SERENO_URL=http://127.0.0.1:3000 SERENO_TOKEN=sr_… node host.mjs
// userOf(request) is your session; it gives the user's id or null.
export function resumeRoute({ serenoUrl, token, userOf }) {
  return async function resume(request, response) {
    const world = /^\/api\/worlds\/([^/]+)\/resume$/.exec(request.url ?? "")?.[1];
    const user = userOf(request);
    const answer = (status, text) => {
      response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(JSON.stringify({ message: text }));
    };
    if (request.method !== "POST" || !world) return answer(404, "not found");
    if (!user) return answer(401, "log in first");
    try {
      const got = await fetch(`${serenoUrl}/api/worlds/${world}/resume`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "X-Sereno-User": user },
      });
      return answer(got.status, got.ok ? "resumed" : "refused");
    } catch {
      return answer(503, "the worlds do not answer; nothing is lost");
    }
  };
}
