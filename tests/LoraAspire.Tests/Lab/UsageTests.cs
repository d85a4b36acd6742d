using LoraAspire.Lab.ResultPages;

namespace LoraAspire.Tests.Lab;

/// <summary>Lines to copy: what stands in them may hold anything and stays what it is.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("你是谁？ 😀", "你是谁？ 😀")]
    [InlineData("say \"hi\" \\ it's", "say \\\"hi\\\" \\\\ it's")]
    [InlineData("a\nb\tc", "a\\nb\\tc")]
    [InlineData("\u001b[31m\u202e", "\\U0000001B[31m\\U0000202E")]
    public void A_text_in_Python_is_a_literal_without_anything_that_a_screen_obeys(string text, string literal)
    {
        Assert.Contains($"\"content\": \"{literal}\"", Usages.OpenAi("http://localhost:1", "m", text, null).Code, StringComparison.Ordinal);
        Assert.Contains($"print(answer(\"{literal}\",", Usages.Transformers("/m", text, "?").Code, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_a_shell_would_obey_is_quoted() => Assert.StartsWith("""
        OLLAMA_HOST=http://localhost:1 ollama run 'it'\''s $(id)'

        ./lora export '/a b' --type q8_0 --out quick
        (cd quick && ollama create quick -f Modelfile)
        """, Usages.Ollama("http://localhost:1", "it's $(id)", "/a b", "quick").Code, StringComparison.Ordinal);

    [Fact]
    public void Where_a_key_is_asked_for_its_file_is_read_and_the_key_stands_nowhere() => Assert.Contains(
        "api_key=open(\"/state/api-key\").read().strip())", Usages.OpenAi("http://h:1", "m", "q", "/state/api-key").Code,
        StringComparison.Ordinal);

    [Fact]
    public void A_model_with_a_chat_template_of_its_own_is_given_messages() => Assert.Contains(
        "answer([{\"role\": \"user\", \"content\": \"q\"}], ", Usages.Transformers("/m", null, "q").Code, StringComparison.Ordinal);
}
