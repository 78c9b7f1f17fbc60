/** The one entry on every signed-in page: htmx, Alpine, small behaviors, and the loader of islands. */

import "htmx.org";
import "htmx.org/dist/ext/hx-alpine-compat.js";

import Alpine from "@alpinejs/csp";

import { contentEditor, personPicker } from "./components/content_editor";
import { copyButton } from "./components/copy_button";
import { dirtyForm } from "./components/dirty_form";
import { palette } from "./components/palette";
import { reveal } from "./components/reveal";
import { selection } from "./components/selection";
import { tabSet } from "./components/tab_set";
import { themeSwitch } from "./components/theme_switch";
import { toast } from "./components/toast";
import { startIslands } from "./islands/loader";
import { startConfirmations } from "./lib/confirm";
import { startDialogs } from "./lib/dialogs";
import { startRequestBar } from "./lib/request_bar";
import { startRequests } from "./lib/requests";
import { startShortcuts } from "./lib/shortcuts";
import { startTabs } from "./lib/tabs";
import { startToasts } from "./lib/toasts";

Object.assign(window, { Alpine });

Alpine.data("contentEditor", contentEditor);
Alpine.data("copyButton", copyButton);
Alpine.data("dirtyForm", dirtyForm);
Alpine.data("palette", palette);
Alpine.data("personPicker", personPicker);
Alpine.data("reveal", reveal);
Alpine.data("selection", selection);
Alpine.data("tabSet", tabSet);
Alpine.data("themeSwitch", themeSwitch);
Alpine.data("toast", toast);

startRequests();
startRequestBar();
startConfirmations();
startDialogs();
startTabs();
startToasts();
startShortcuts();
startIslands();
Alpine.start();
