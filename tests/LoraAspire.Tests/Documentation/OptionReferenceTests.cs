using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

public sealed class OptionReferenceTests
{
    /// <summary>Set by <c>./build.sh docs</c>: the file is written anew.</summary>
    private const string Write = "LORA_WRITE_DOCS";

    [Fact]
    public void The_table_of_every_option_is_what_the_records_say()
    {
        var file = Path.Combine(SourceFiles.Root, OptionReference.File);
        if (Environment.GetEnvironmentVariable(Write) is { Length: > 0 })
        {
            File.WriteAllText(file, OptionReference.Text());
        }

        Assert.True(File.Exists(file) && File.ReadAllText(file) == OptionReference.Text(),
            $"{OptionReference.File} isn't what the records of options say: ./build.sh docs writes it anew.");
    }
}
