using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

/// <summary>A store, a data root and a models root in a temporary folder, and what was logged.</summary>
internal sealed class TestFolder : ILogger<ArtifactStore>, ILogger<ContentDigests>, IDisposable
{
    public TestFolder()
    {
        Paths = new(At("state"), At("store"), Directory.CreateDirectory(At("data")).FullName,
            Directory.CreateDirectory(At("models")).FullName);
        Store = new(Paths.Store, this);
        Digests = new(Paths, this);
    }

    public string Root { get; } = RealPath.Of(Directory.CreateTempSubdirectory("lora-store-").FullName);

    public LoraPaths Paths { get; }
    public ArtifactStore Store { get; }
    public ContentDigests Digests { get; }
    public ConcurrentQueue<string> Said { get; } = [];

    public string At(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>Writes a file, with the folders above it, and returns its path.</summary>
    public string Write(string path, string text)
    {
        var full = At(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        return full;
    }

    public void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.CreateSymbolicLink(At(path), target);
    }

    public void HardLink(string path, string existing) => Assert.Equal(0, Libc.Link(At(existing), At(path)));

    public void Pipe(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        Assert.Equal(0, MakePipe(At(path), 0x180));
    }

    public void Socket(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        // The name stays when the socket is closed; beside the tree, since an address is 108 letters at most.
        socket.Bind(new UnixDomainSocketEndPoint(At("s")));
        File.Move(At("s"), At(path));
    }

    /// <summary>Returns when a digest of the file can be remembered: a tick of the file system's clock after its last write.</summary>
    public static void Settle(string path) =>
        Assert.True(SpinWait.SpinUntil(() => FileStamp.Of(path).IsSettled(DateTimeOffset.UtcNow), TimeSpan.FromSeconds(10)));

    /// <summary>A folder like a stage's output: one file for each text, named a.bin, b.bin, …</summary>
    public string Output(params string[] texts)
    {
        var folder = At("store", "scratch", Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        foreach (var (i, text) in texts.Index())
        {
            File.WriteAllText(Path.Combine(folder, $"{(char)('a' + i)}.bin"), text);
        }
        return folder;
    }

    /// <summary>Flips one bit of a file, in its middle or elsewhere, as a disk does, and leaves its time as it was.</summary>
    public static void Flip(string path, int? at = null)
    {
        var time = File.GetLastWriteTimeUtc(path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = at ?? file.Length / 2;
            var value = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(value ^ 1));
        }
        File.SetLastWriteTimeUtc(path, time);
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) => Said.Enqueue(formatter(state, exception));

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Dispose() => Directory.Delete(Root, recursive: true);

    [DllImport("libc", EntryPoint = "mkfifo", CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakePipe(string path, uint mode);
}
