;;; dap.el --- Debian's dap-mode drives `vitrine dap'  -*- lexical-binding: t -*-

;; emacs -q --batch -l dap.el, with VITRINE (the program) and VITRINE_TREE (a source tree) in the environment.
;; It prints what happens; an error or a wait in vain ends it with status 1.

(package-initialize)
(defvar dap-exception-breakpoints nil) ; Debian's version reads it and defines it nowhere
(require 'cl-lib)
(require 'dap-mode)

(defconst scratch (make-temp-file "vitrine-emacs" t))
(setq lsp-session-file (expand-file-name "lsp-session" scratch)
      dap-breakpoints-file (expand-file-name "breakpoints" scratch)
      dap-auto-configure-features nil
      dap-auto-show-output nil
      lsp-auto-guess-root t)

(defconst vitrine (getenv "VITRINE"))
(defconst tree (file-name-as-directory (getenv "VITRINE_TREE")))
(defconst patience 120 "Seconds that anything may take.")

(defun await (what condition)
  "Handle what the adapter sends until CONDITION, a function, returns something, and return that. WHAT says what it is."
  (let ((end (+ (float-time) patience)) found)
    (while (not (setq found (funcall condition)))
      (when (> (float-time) end) (error "Not within %d s: %s" patience what))
      (accept-process-output nil 0.1))
    found))

(defun ask (session command arguments)
  "Send a request of SESSION and return the body of its answer."
  (let (answer)
    (dap--send-message (dap--make-request command arguments) (lambda (r) (setq answer r)) session)
    (await command (lambda () answer))
    (unless (gethash "success" answer) (error "%s: %s" command (gethash "message" answer)))
    (gethash "body" answer)))

(defvar stopped nil "The frame of a stop that nobody has looked at.")
(defvar ended nil "Whether the session is over.")
(add-hook 'dap-stack-frame-changed-hook (lambda (s) (setq stopped (dap--debug-session-active-frame s))))
(add-hook 'dap-terminated-hook (lambda (_) (setq ended t)))

(defun await-stop (function)
  "Wait for a stop in FUNCTION and return its frame."
  (let ((frame (await (format "a stop in %s" function) (lambda () stopped))))
    (setq stopped nil)
    (message "stopped in %s, line %d" (gethash "name" frame) (gethash "line" frame))
    (unless (string-match-p function (gethash "name" frame)) (error "The stop is not in %s" function))
    frame))

(defun variable (session reference name)
  "Return the value of the variable NAME in the container REFERENCE."
  (let ((found (seq-find (lambda (v) (equal (gethash "name" v) name))
                         (gethash "variables" (ask session "variables" (list :variablesReference reference))))))
    (unless found (error "No variable %s" name))
    (message "%s = %s" name (gethash "value" found))
    (gethash "value" found)))

(dap-register-debug-provider
 "vitrine" (lambda (config) (append config (list :dap-server-path (list vitrine "dap")))))

(find-file (expand-file-name "kernel/syscall/chmod.go" tree))
(lsp-workspace-folders-add tree)
(goto-char (point-min))
(search-forward "func sysUmask(")
(dap-breakpoint-add)
(cl-letf (((symbol-function 'read-string) (lambda (&rest _) "a[0] == 5"))) ; what a person types
  (call-interactively #'dap-breakpoint-condition))

(dap-debug
 (list :type "vitrine" :request "launch" :name "Boot" :program tree :cwd tree
       :args ["sh" "-c" "umask 05"]))

(let* ((frame (await-stop "sysUmask"))
       (session (dap--cur-session))
       (scopes (gethash "scopes" (ask session "scopes" (list :frameId (gethash "id" frame)))))
       (arguments (seq-find (lambda (s) (equal (gethash "name" s) "Arguments")) scopes)))
  (unless (string-match-p "\\[5," (variable session (gethash "variablesReference" arguments) "a")) (error "The mask is another"))
  (dap-next session)
  (let ((next (await-stop "sysUmask")))
    (unless (> (gethash "line" next) (gethash "line" frame)) (error "The step went nowhere")))
  (dap-continue session (dap--debug-session-thread-id session))
  (await "the session's end" (lambda () ended)))
(delete-directory scratch t)
(message "PASS")
(kill-emacs 0)
