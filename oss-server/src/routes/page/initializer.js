// The document's commands name the server by its usual address. On this page they name the address that the reader has reached.
function nameThisServer(response) {
  if (new URL(response.url, location).pathname === "/openapi.json") {
    response.text = response.text.replaceAll("http://localhost:8080", location.origin);
  }
  return response;
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Otherwise the page asks a validator on the internet about the document.
  validatorUrl: "none",
  responseInterceptor: nameThisServer,
});
