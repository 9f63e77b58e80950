/**
 * What the card panel says in each state: tone, icon, title, what to do next.
 *
 * A state that is not here is shown with the message of the error itself.
 */
const STATES = {
  connecting: ["wait", "wait", "ICカードの準備を確認しています", "しばらくお待ちください。"],
  permission: ["info", "plug", "ブラウザーの確認があります", "「接続する」を押すと、ブラウザーが「このデバイス上の他のアプリやサービスへのアクセス」の許可を求めます。「許可」を選んでください。"],
  ready: ["ok", "ok", "ICカードの準備ができました", ""],
  working: ["wait", "wait", "ICカードと通信しています", "完了するまで、ICカードを抜かないでください。"],
  done: ["ok", "ok", "完了しました", "次の画面へ進みます。"],
  "not-running": ["error", "plug", "bridgedが動作していません", "ICカードとブラウザーをつなぐプログラムbridgedを起動してください。インストールしていない場合は、先にインストールしてください。起動すると、この画面は自動的に更新されます。"],
  "going-away": ["error", "plug", "bridgedが終了しました", "bridgedを起動してください。起動すると、この画面は自動的に更新されます。"],
  "connection-lost": ["error", "plug", "bridgedとの接続が切れました", "bridgedが動作していることを確認してください。自動的に接続し直します。"],
  blocked: ["error", "shield", "ブラウザーの設定で接続が拒否されています", "アドレスバーの左のアイコンからサイトの設定を開き、「このデバイス上の他のアプリやサービスへのアクセス」を「許可」に変えて、画面を再読み込みしてください。"],
  dismissed: ["warn", "shield", "ブラウザーの確認で「許可」が選ばれませんでした", "「もう一度確認する」を押し、ブラウザーの確認で「許可」を選んでください。確認が表示されない場合は、bridgedを起動してください。"],
  "site-not-allowed": ["error", "shield", "このサイトはbridgedで許可されていません", "bridgedの設定で、このサイト（{origin}）を許可してから、「もう一度確認する」を押してください。"],
  "pcsc-unavailable": ["error", "reader", "ICカードのサービスが動作していません", "パソコンのICカードのサービス（pcscd）を起動してください。起動すると、この画面は自動的に更新されます。"],
  "no-reader": ["warn", "reader", "ICカードリーダーが接続されていません", "ICカードリーダーをパソコンに接続してください。接続すると、この画面は自動的に更新されます。"],
  "no-card": ["warn", "card", "ICカードが挿入されていません", "ICカードをICカードリーダーに挿入してください。挿入すると、この画面は自動的に更新されます。"],
  "card-mute": ["error", "card", "ICカードが応答しません", "ICカードの表裏と向きを確かめて、挿入し直してください。端子が汚れているときは、乾いた布でふいてください。"],
  "card-unsupported": ["error", "card", "このICカードには対応していません", "電子入札用のICカードまたはマイナンバーカードを挿入してください。"],
  "card-in-use": ["warn", "card", "ほかのプログラムがICカードを使用しています", "ICカードを使用しているほかのプログラムを終了してください。終了すると、この画面は自動的に更新されます。"],
  "card-leased": ["warn", "card", "ほかの画面がICカードを使用しています", "ICカードを使用しているほかの画面での操作を終えてください。終わると、この画面は自動的に更新されます。"],
  "card-fault": ["error", "card", "ICカードから予期しない応答がありました", "ICカードを挿入し直して、もう一度操作してください。続く場合は、ICカードの発行元にお問い合わせください。"],
  "card-removed": ["error", "card", "ICカードが抜かれました", "もう一度ICカードを挿入して、PIN番号の入力からやり直してください。入力した内容は残っています。"],
  "certificate-not-found": ["error", "card", "使用できる証明書がありません", "挿入されているICカードに、この操作に使用できる証明書がありません。正しいICカードを挿入してください。"],
  "certificate-expired": ["error", "clock", "ICカードの有効期間外です", "証明書の有効期間外のため、このICカードは使用できません。発行元に新しいICカードを申し込んでください。"],
  "pin-required": ["warn", "lock", "PIN番号の入力が必要です", "PIN番号を入力して、OKボタンをクリックしてください。"],
  "pin-format": ["warn", "lock", "PIN番号の形式が正しくありません", "{rules}で入力してください。残りの入力回数は減っていません。"],
  "pin-incorrect": ["error", "lock", "PIN番号が違います", "PIN番号を確かめて、もう一度入力してください。分からないときは入力を続けず、ICカードの発行元にお問い合わせください。"],
  "pin-last-try": ["warn", "warning", "PIN番号の入力は残り1回です", "次に間違えるとICカードがロックされ、発行元での解除が必要になります。PIN番号が確かなときだけ、下の確認にチェックを入れて続けてください。"],
  "pin-blocked": ["error", "lock", "PIN番号がロックされています", "間違った入力が続いたため、このICカードは使用できません。ICカードの発行元（マイナンバーカードは市区町村の窓口）に解除を依頼してください。"],
  "lease-ended": ["warn", "clock", "PIN番号の有効時間が終わりました", "もう一度PIN番号を入力してください。"],
  busy: ["warn", "clock", "処理が混み合っています", "少し待ってから、もう一度操作してください。"],
  "internal-error": ["error", "error", "予期しないエラーが発生しました", "画面を再読み込みして、やり直してください。解決しない場合は、ヘルプデスクにお問い合わせください。"],
  portal: ["error", "error", "申請を受け付けられませんでした", ""],
};

/** States whose error carries a number that the help desk asks for. */
const NUMBERED = new Set(["internal-error", "card-fault"]);

/** Return what to show for a state; `values` fill the text. */
export function describe(name, values = {}, message = "") {
  const [tone, icon, title, text] = STATES[name] ?? ["error", "error", "ICカードを使用できません", message];
  if (message && NUMBERED.has(name)) {
    return { tone, icon, title, text: message };
  }
  const filled = text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  return { tone, icon, title, text: filled || message };
}
