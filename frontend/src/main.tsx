import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/header.css";
import "./styles/states.css";
import "./styles/panels.css";
import "./styles/marks.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { queryClient } from "./api/queries";
import { App } from "./app/App";
import { startLive } from "./live/live";
import { applyTheme, storedTheme } from "./app/theme";

applyTheme(storedTheme());
startLive();

const root = document.getElementById("app");
if (!root) throw new Error("the page has no #app");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
