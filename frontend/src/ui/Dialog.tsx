import { type ReactNode, useEffect, useId, useRef } from "react";

type Props = { title: string; children: ReactNode; onClose: () => void; dismissable?: boolean };

/** A modal dialog: the browser keeps the focus in it and gives it back. */
export function Dialog({ title, children, onClose, dismissable = true }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        if (dismissable) onClose();
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}
