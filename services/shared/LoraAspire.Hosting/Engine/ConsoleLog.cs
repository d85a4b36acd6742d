using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace LoraAspire.Hosting.Engine;

/// <summary>One line of a child's output.</summary>
/// <param name="Stream">stdout or stderr.</param>
public sealed record LogLine(DateTimeOffset At, string Stream, string Text);

/// <summary>The output of one instance: all of it in a file, the newest lines in memory, live to who follows.</summary>
internal sealed class ConsoleLog : IDisposable
{
    private const int Kept = 2000;

    private readonly Lock _lock = new();
    private readonly Queue<LogLine> _newest = new(Kept);
    private readonly List<Channel<LogLine>> _followers = [];
    private readonly StreamWriter _file;

    /// <summary>Opens the file anew; the one of the start before is kept as <c>*.previous.log</c>.</summary>
    public ConsoleLog(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (File.Exists(path))
        {
            File.Move(path, Path.ChangeExtension(path, ".previous.log"), overwrite: true);
        }
        _file = new StreamWriter(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
    }

    public void Add(string stream, string text)
    {
        var line = new LogLine(DateTimeOffset.UtcNow, stream, text);
        lock (_lock)
        {
            if (_newest.Count == Kept)
            {
                _newest.Dequeue();
            }
            _newest.Enqueue(line);
            _file.WriteLine($"{line.At:yyyy-MM-ddTHH:mm:ss.fffZ} {(stream == "stderr" ? "! " : "")}{text}");
            foreach (var follower in _followers)
            {
                follower.Writer.TryWrite(line);
            }
        }
    }

    public IReadOnlyList<LogLine> Tail(int count)
    {
        lock (_lock)
        {
            return [.. _newest.TakeLast(count)];
        }
    }

    /// <summary>The newest lines, then each new one, none twice and none left out.</summary>
    public async IAsyncEnumerable<LogLine> FollowAsync(int tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = Channel.CreateUnbounded<LogLine>();
        lock (_lock)
        {
            foreach (var line in _newest.TakeLast(tail))
            {
                channel.Writer.TryWrite(line);
            }
            _followers.Add(channel);
        }
        try
        {
            await foreach (var line in channel.Reader.ReadAllAsync(cancellationToken))
            {
                yield return line;
            }
        }
        finally
        {
            lock (_lock)
            {
                _followers.Remove(channel);
            }
        }
    }

    public void Dispose() => _file.Dispose();
}
