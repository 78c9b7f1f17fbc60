/** Native <dialog> opened by `command="show-modal" commandfor="id"`; this file fills in for browsers without it. */

export function openDialog(id: string): void {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

export function startDialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target instanceof HTMLDialogElement && !("closedBy" in HTMLDialogElement.prototype)) closeOnBackdrop(target, event);
    const button = target.closest<HTMLButtonElement>("button[command][commandfor]");
    if (!button || "command" in HTMLButtonElement.prototype) return;
    const dialog = document.getElementById(button.getAttribute("commandfor") ?? "");
    if (!(dialog instanceof HTMLDialogElement)) return;
    if (button.getAttribute("command") === "close") dialog.close();
    else openDialog(dialog.id);
  });
}

function closeOnBackdrop(dialog: HTMLDialogElement, event: MouseEvent): void {
  const box = dialog.getBoundingClientRect();
  const inside =
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside && dialog.getAttribute("closedby") === "any") dialog.close();
}
