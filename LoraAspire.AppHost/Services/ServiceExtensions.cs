using System.Net;
using LoraAspire.AppHost.Terminal;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Access;
using LoraAspire.Runtime.Hosting;

namespace LoraAspire.AppHost.Services;

/// <summary>What every service of ours has in common.</summary>
internal static class ServiceExtensions
{
    /// <summary>
    /// Redis, a health check, the folders; started from its built program and without a certificate, as all here. It doesn't
    /// wait for Redis: a service connects when there is one, and until then isn't healthy.
    /// </summary>
    /// <param name="port">Where it listens; null takes any free port.</param>
    public static IResourceBuilder<ProjectResource> AsService(
        this IResourceBuilder<ProjectResource> service, IResourceBuilder<IResourceWithConnectionString> redis, AppHostOptions options,
        int? port = null) => service
        .WithReference(redis)
        .WithHttpEndpoint(port, name: "http")
        .WithAnswerCheck()
        .WithEnvironment("LORA_STORE", options.Folders.Store)
        .WithEnvironment("LORA_DATA", options.Folders.Data)
        .WithEnvironment("LORA_MODELS", options.Folders.Models)
        .WithKey(options)
        .WithBuiltProgram()
        .WithPlainHttp();

    /// <summary>For a page: listens where the command line says.</summary>
    public static IResourceBuilder<ProjectResource> Listening(this IResourceBuilder<ProjectResource> service, AppHostOptions options) =>
        options.Listen.Equals(IPAddress.Loopback) ? service
            : service.WithEndpoint("http", endpoint => endpoint.TargetHost = options.Listen.ToString());

    /// <summary>Workers too: what reaches one page beyond loopback asks all for the key.</summary>
    private static IResourceBuilder<ProjectResource> WithKey(this IResourceBuilder<ProjectResource> service, AppHostOptions options) =>
        options.KeyFile is { } file ? service.WithEnvironment(ApiKeyFile.Variable, file) : service;

    /// <summary>Not for a service that computes in its own process.</summary>
    public static IResourceBuilder<ProjectResource> WithQuickStart(this IResourceBuilder<ProjectResource> service) =>
        service.WithEnvironment(context =>
    {
        foreach (var (variable, value) in context.ExecutionContext.IsRunMode ? QuickStart.Environment : [])
        {
            context.EnvironmentVariables[variable] = value;
        }
    });

    /// <summary>A worker has no page: its root answers 404, so no link leads there.</summary>
    public static IResourceBuilder<ProjectResource> WithoutLinks(this IResourceBuilder<ProjectResource> service) =>
        service.WithUrls(context => context.Urls.Clear());

    public static IResourceBuilder<ProjectResource> WithLink(this IResourceBuilder<ProjectResource> service, string title) =>
        service.WithUrlForEndpoint("http", url => url.DisplayText = title);

    /// <summary>One of a service's other pages.</summary>
    public static IResourceBuilder<ProjectResource> WithPageLink(
        this IResourceBuilder<ProjectResource> service, string path, string title) => service.WithUrlForEndpoint("http",
            endpoint => new ResourceUrlAnnotation { Url = endpoint.Url + path, DisplayText = title });

    // ASPIRECERTIFICATES001: the switch may still change its name.
#pragma warning disable ASPIRECERTIFICATES001
    private static IResourceBuilder<ProjectResource> WithPlainHttp(this IResourceBuilder<ProjectResource> service) =>
        service.WithoutHttpsCertificate();
#pragma warning restore ASPIRECERTIFICATES001

    /// <summary>
    /// Starts the program that the build made, where Aspire would call <c>dotnet run</c>: a host less for each service, in memory and at
    /// start-up. It lies at the same place under the service's folder as this program lies under its own.
    /// </summary>
    private static IResourceBuilder<ProjectResource> WithBuiltProgram(this IResourceBuilder<ProjectResource> service)
    {
        if (!service.ApplicationBuilder.ExecutionContext.IsRunMode)
        {
            return service;
        }
        var project = service.Resource.GetProjectMetadata().ProjectPath;
        // From where this program lies now: a checkout that was copied with its build runs its own services.
        var builtIn = Path.GetDirectoryName(service.ApplicationBuilder.AppHostDirectory)!;
        var folder = Path.Combine(LoraPaths.Checkout() ?? builtIn, Path.GetRelativePath(builtIn, Path.GetDirectoryName(project)!));
        var own = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var built =
            own[(own.LastIndexOf($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal) + 1)..];
        var program = Path.Combine(folder, built, Path.GetFileNameWithoutExtension(project) + (OperatingSystem.IsWindows() ? ".exe" : ""));
        return File.Exists(program)
            ? service.WithAnnotation(new ExecutableAnnotation { WorkingDirectory = folder, Command = program })
            : throw new DistributedApplicationException($"No {program}: build the solution first (dotnet build LoraAspire.sln).");
    }
}
