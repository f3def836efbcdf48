// A file of its own: the pages allow no inline scripts.
window.SwaggerUIBundle({
  url: "/api/schema",
  dom_id: "#swagger-ui",
  deepLinking: true,
  requestInterceptor: (request) => {
    request.headers["X-CSRFToken"] = document.body.dataset.csrf;
    return request;
  },
});
