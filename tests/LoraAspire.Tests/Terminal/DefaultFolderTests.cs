using LoraAspire.AppHost.Terminal;
using LoraAspire.Cli;
using LoraAspire.Runtime;

namespace LoraAspire.Tests.Terminal;

/// <summary>The AppHost and <c>lora</c> look for things in the same folders, whatever the environment names.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class DefaultFolderTests : IDisposable
{
    private static readonly string[] s_variables = ["LORA_STATE", "LORA_STORE", "LORA_DATA", "LORA_MODELS"];

    private readonly CapturedTerminal _terminal = new();

    public DefaultFolderTests() => Array.ForEach(s_variables, name => _terminal.Set(name, null));

    public void Dispose() => _terminal.Dispose();

    [Fact]
    public void Without_variables_they_are_those_of_the_checkout()
    {
        var root = LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!;

        Assert.Equal(
            new(Path.Combine(root, ".lora"), Path.Combine(root, ".lora", "store"), root, Path.Combine(root, "models")), App.Folders);
        Assert.Equal(App.Folders, OfAppHost());
    }

    [Theory]
    [InlineData("LORA_STATE", "/tmp/state")]
    [InlineData("LORA_STATE", "state")]
    [InlineData("LORA_STORE", "/tmp/store")]
    [InlineData("LORA_STORE", "./a/../store")]
    [InlineData("LORA_DATA", "data")]
    [InlineData("LORA_MODELS", "/tmp/models/")]
    [InlineData("LORA_MODELS", "")]
    public void A_variable_is_taken_by_both_alike(string variable, string value)
    {
        _terminal.Set(variable, value);

        Assert.Equal(App.Folders, OfAppHost());
    }

    [Fact]
    public void An_option_of_the_AppHost_is_what_its_variable_says_to_lora()
    {
        var given = OfAppHost("--state", "s", "--store", "t", "--data", "d", "--models", "m");
        foreach (var (variable, value) in s_variables.Zip(["s", "t", "d", "m"]))
        {
            _terminal.Set(variable, value);
        }

        Assert.Equal(App.Folders, given);
    }

    private static LoraPaths OfAppHost(params string[] folders) =>
        AppHostOptions.Parse(["--lab-port", "0", "--chat-port", "0", "--dashboard-port", "0", .. folders], out _)!.Folders;
}
