using System.Text.Json;

namespace LoraAspire.AppHost.Terminal;

/// <summary>What the command-line client reads to find the running app. Holds Redis's password, so only its owner may read it.</summary>
internal sealed record AddressFile(string Redis, string Dashboard, string Chat, int Pid)
{
    public void Write(string path)
    {
        File.Delete(path);
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        JsonSerializer.Serialize(file, this, JsonSerializerOptions.Web);
    }
}
