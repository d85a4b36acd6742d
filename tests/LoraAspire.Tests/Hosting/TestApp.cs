using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;

namespace LoraAspire.Tests.Hosting;

/// <summary>A real app on the local engine, in a folder of its own.</summary>
public sealed class TestApp : IAsyncDisposable
{
    private DistributedApplication? _app;

    public TestApp()
    {
        Folder = Directory.CreateTempSubdirectory("lora-host-").FullName;
        Builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { Args = [], ProjectDirectory = Folder });
    }

    public string Folder { get; }
    public IDistributedApplicationBuilder Builder { get; }
    public DistributedApplication App => _app ??= Builder.Build();

    public IResourceBuilder<ExecutableResource> Shell(string name, string script) => Builder.AddExecutable(name, "sh", Folder, "-c", script);

    /// <summary>The first snapshot of the resource that fits.</summary>
    public async Task<ResourceEvent> FirstAsync(string resource, Func<CustomResourceSnapshot, bool> fits)
    {
        await foreach (var update in App.ResourceNotifications.WatchAsync(TestContext.Current.CancellationToken))
        {
            if (update.Resource.Name == resource && fits(update.Snapshot))
            {
                return update;
            }
        }
        throw new InvalidOperationException("The watch ended.");
    }

    public static int Pid(ResourceEvent update) => (int)update.Snapshot.Properties.Single(p => p.Name == "executable.pid").Value!;

    /// <summary>The environment that the resource's callbacks give, with every value resolved.</summary>
    public static async Task<Dictionary<string, string?>> EnvironmentOfAsync(IResource resource)
    {
        var context = new EnvironmentCallbackContext(new DistributedApplicationExecutionContext(DistributedApplicationOperation.Run));
        foreach (var callback in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
        {
            await callback.Callback(context);
        }
        var resolved = new Dictionary<string, string?>();
        foreach (var (name, value) in context.EnvironmentVariables)
        {
            resolved[name] = value is IValueProvider provider ? await provider.GetValueAsync(TestContext.Current.CancellationToken) : (string)value;
        }
        return resolved;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }
        Directory.Delete(Folder, recursive: true);
    }
}
