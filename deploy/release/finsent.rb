class Finsent < Formula
  desc "Financial sentiment of texts: FinBERT on the CPU, in pure Rust"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "@URL@/finsent-mini-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 finsent-mini-@VERSION@-aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "@URL@/finsent-mini-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 finsent-mini-@VERSION@-x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@URL@/finsent-mini-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 finsent-mini-@VERSION@-aarch64-unknown-linux-musl.tar.gz@"
    end
    on_intel do
      url "@URL@/finsent-mini-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 finsent-mini-@VERSION@-x86_64-unknown-linux-musl.tar.gz@"
    end
  end

  def install
    bin.install "finsent"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/finsent.bash" => "finsent"
    fish_completion.install "completions/finsent.fish"
    zsh_completion.install "completions/finsent.zsh" => "_finsent"
  end

  test do
    assert_match "negative", shell_output("#{bin}/finsent classify 'Shares plunged 12%'")
  end
end
