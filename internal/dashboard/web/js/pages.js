// The pages of the dashboard. Each is a module that exports Page, loaded when it is first shown.
import { t } from "./i18n.js";

/** Every page: its path, the key behind g, its title and how to load it. */
export const pages = [
  { path: "/now", key: "n", title: () => t("Now"), load: () => import("./pages/now.js") },
  { path: "/requests", key: "r", title: () => t("Requests"), load: () => import("./pages/requests.js") },
  { path: "/spend", key: "s", title: () => t("Spend"), load: () => import("./pages/spend.js") },
  { path: "/sql", key: "q", title: () => t("SQL"), load: () => import("./pages/sql.js") },
  { path: "/profiles", key: "p", title: () => t("Profiles"), load: () => import("./pages/profiles.js") },
];
