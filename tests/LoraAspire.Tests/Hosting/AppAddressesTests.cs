using LoraAspire.Runtime;

namespace LoraAspire.Tests.Hosting;

/// <summary>apphost.json: one type writes it and reads it.</summary>
public sealed class AppAddressesTests : IDisposable
{
    private readonly string _state = Directory.CreateTempSubdirectory("lora-addresses-").FullName;

    private static AppAddresses Some => new("localhost:1,password=secret", "http://localhost:15080", "http://localhost:15081", null, 42);

    public void Dispose() => Directory.Delete(_state, recursive: true);

    [Fact]
    public async Task What_the_AppHost_writes_is_read_back_and_is_for_its_user_alone()
    {
        await Some.WriteAsync(_state, TestContext.Current.CancellationToken);

        Assert.Equal(Some, AppAddresses.Read(_state));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(AppAddresses.File(_state)));
        Assert.Equal(
            """{"redis":"localhost:1,password=secret","lab":"http://localhost:15080","""
            + "\"chat\":\"http://localhost:15081\",\"dashboard\":null,\"pid\":42}",
            await File.ReadAllTextAsync(AppAddresses.File(_state), TestContext.Current.CancellationToken));

        AppAddresses.Remove(_state);
        Assert.Null(AppAddresses.Read(_state));
    }

    [Theory]
    [InlineData("""{"redis":"","lab":"http://a","chat":"http://a","pid":1}""")]
    [InlineData("""{"redis":"r","lab":"javascript:alert(1)","chat":"http://a","pid":1}""")]
    [InlineData("""{"redis":"r","lab":"http://a","chat":"http://a","pid":0}""")]
    [InlineData("[]")]
    [InlineData("")]
    public void What_somebody_else_wrote_is_refused_by_its_path(string text)
    {
        File.WriteAllText(AppAddresses.File(_state), text);

        var refused = Assert.Throws<IOException>(() => AppAddresses.Read(_state));
        Assert.Contains(AppAddresses.File(_state), refused.Message, StringComparison.Ordinal);
    }
}
